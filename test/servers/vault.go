// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	vaultapi "github.com/hashicorp/vault/api"
)

// VaultOptions says what StartVault starts. The zero value is a fresh, empty server in memory.
type VaultOptions struct {
	// Dev also mounts kv-v2 at secret/, as `vault server -dev` does.
	Dev bool
	// Path is the folder of a file storage, made where missing. A storage that an earlier start has initialised comes up
	// sealed, and its token and key are the caller's to know. Empty: in memory.
	Path string
	// TLS serves HTTPS with a self-signed certificate for 127.0.0.1 and localhost, and asks clients for theirs.
	TLS bool
	// Log receives what the server logs. Nil drops it.
	Log io.Writer
}

// Vault is a running Vault server. It hides its token and key from fmt, JSON and logs.
type Vault struct {
	// Address is its URL, the same for its whole life.
	Address string
	// Token is the root token and UnsealKey the only key, in base64. Both are empty for a storage that was already
	// initialised.
	Token, UnsealKey string
	// CA is the PEM certificate to trust. Nil without TLS.
	CA []byte

	options  VaultOptions
	bin, dir string // dir holds the files for TLS; empty without
	client   *vaultapi.Client
	process  *process
}

// StartVault starts Vault, initialises and unseals a fresh storage, and waits until it answers. It returns a
// MissingError where the servers are not built, and a StartError where Vault does not come up.
func StartVault(ctx context.Context, options VaultOptions) (*Vault, error) {
	bin, err := Dir(ctx)
	if err != nil {
		return nil, err
	}
	v := &Vault{options: options, bin: bin}
	if err := v.begin(ctx); err != nil {
		v.Stop()
		return nil, err
	}
	return v, nil
}

func (v *Vault) begin(ctx context.Context) error {
	if v.options.TLS {
		if err := v.makeCertificate(); err != nil {
			return err
		}
	}
	fresh, err := v.fresh()
	if err != nil {
		return err
	}
	line, err := v.run(ctx, "127.0.0.1:0", fresh)
	if err != nil {
		return err
	}
	v.Address, v.Token, v.UnsealKey = line.Address, line.Token, line.UnsealKey
	v.client, err = v.newClient()
	return err
}

// fresh tells whether the storage is still to be initialised.
func (v *Vault) fresh() (bool, error) {
	if v.options.Path == "" {
		return true, nil
	}
	if err := os.MkdirAll(v.options.Path, 0o700); err != nil {
		return false, err
	}
	entries, err := os.ReadDir(v.options.Path)
	return len(entries) == 0, err
}

// vaultLine is what vaultserver prints once it answers.
type vaultLine struct {
	Address   string `json:"address"`
	Token     string `json:"token"`
	UnsealKey string `json:"unseal_key"`
}

func (v *Vault) run(ctx context.Context, listen string, fresh bool) (line vaultLine, err error) {
	out, in, err := os.Pipe()
	if err != nil {
		return line, err
	}
	defer out.Close() // ends the reader below where no line comes
	v.process, err = start(exec.Command(guarded(v.bin, "vaultserver"), v.arguments(listen, fresh)...), "Vault", in, v.options.Log)
	in.Close() // the server holds its own end
	if err != nil {
		return line, err
	}
	printed := make(chan vaultLine, 1)
	go func() {
		line := vaultLine{}
		if json.NewDecoder(out).Decode(&line) == nil {
			printed <- line
		}
	}()
	err = v.process.await(ctx, func(context.Context) bool {
		select {
		case line = <-printed:
			return true
		default:
			return false
		}
	})
	return line, err
}

func (v *Vault) arguments(listen string, fresh bool) []string {
	arguments := []string{"-listen", listen}
	if v.options.Path != "" {
		arguments = append(arguments, "-storage", "file", "-path", v.options.Path)
	}
	if v.options.TLS {
		arguments = append(arguments, "-tls-cert", v.file("tls.crt"), "-tls-key", v.file("tls.key"))
	}
	switch {
	case fresh && v.options.Dev:
		arguments = append(arguments, "-dev")
	case fresh:
		arguments = append(arguments, "-init")
	}
	return arguments
}

// Kill ends the server at once, as a crash does. Restart brings one with a file storage back.
func (v *Vault) Kill() { v.process.kill() }

// Restart stops the server where it runs and starts it again on the same address and storage. It comes up sealed, with
// its tokens and key as before. A server in memory cannot restart.
func (v *Vault) Restart(ctx context.Context) error {
	if v.options.Path == "" {
		return errors.New("a Vault in memory does not restart")
	}
	v.process.stop()
	address, err := url.Parse(v.Address)
	if err != nil {
		return err
	}
	_, err = v.run(ctx, address.Host, false)
	return err
}

// Stop ends the server. The folder of a file storage stays. It may be called again.
func (v *Vault) Stop() {
	v.process.stop()
	if v.dir != "" {
		_ = os.RemoveAll(v.dir)
	}
}

func (v *Vault) file(name string) string { return filepath.Join(v.dir, name) }
