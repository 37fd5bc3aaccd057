// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Controller is a running controller process.
type Controller struct {
	// MetricsURL and HealthURL are base URLs.
	MetricsURL, HealthURL string

	cmd    *exec.Cmd
	ended  chan struct{}
	err    error // of the process; read after ended
	folder string
}

// StartController starts binary as a controller with the permissions of ServiceAccount apisix-certs, and waits until it is
// ready. args are added to its command line. Its log goes to log.
func (c *Cluster) StartController(ctx context.Context, binary string, log io.Writer, args ...string) (*Controller, error) {
	folder, err := os.MkdirTemp("", "apisix-certs-controller-")
	if err != nil {
		return nil, err
	}
	p := &Controller{ended: make(chan struct{}), folder: folder}
	if err := p.start(ctx, c, binary, log, args); err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	if err := p.waitReady(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

func (p *Controller) start(ctx context.Context, c *Cluster, binary string, log io.Writer, args []string) error {
	config, err := c.Kube.ServiceAccountConfig(ctx, "apisix-certs", "apisix-certs")
	if err != nil {
		return err
	}
	if tap := c.KubeTap; tap != nil {
		config.Host, config.TLSClientConfig = tap.URL, rest.TLSClientConfig{CAData: tap.CA}
	}
	kubeconfig, err := c.Kube.KubeconfigFor(config)
	if err != nil {
		return err
	}
	file := filepath.Join(p.folder, "kubeconfig")
	if err := os.WriteFile(file, kubeconfig, 0o600); err != nil {
		return err
	}
	addrs, err := freeAddrs(2)
	if err != nil {
		return err
	}
	p.MetricsURL, p.HealthURL = "http://"+addrs[0], "http://"+addrs[1]
	p.cmd = exec.Command(binary, append([]string{
		"controller", "--kubeconfig", file, "--apisix-admin-url", c.Gateway.AdminURL, "--apisix-tls-addr", c.Gateway.TLSAddr,
		"--metrics-bind-address", addrs[0], "--health-probe-bind-address", addrs[1],
	}, args...)...)
	p.cmd.Env = append(os.Environ(), "APISIX_CERTS_APISIX_ADMIN_KEY="+c.Gateway.AdminKey)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel sends Pdeathsig when this thread ends, not the process
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start the controller: %w", err)
	}
	return nil
}

// waitReady waits for /readyz.
func (p *Controller) waitReady(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 90*time.Second, true, func(ctx context.Context) (bool, error) {
		select {
		case <-p.ended:
			return false, fmt.Errorf("the controller exited: %w", p.err)
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.HealthURL+"/readyz", nil)
		if err != nil {
			return false, err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil // not listening yet
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("the controller did not become ready: %w", err)
	}
	return nil
}

// PID is the process id.
func (p *Controller) PID() int { return p.cmd.Process.Pid }

// Kill kills the process, as kill -9 does. It can be called more than once.
func (p *Controller) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = os.RemoveAll(p.folder)
}

// Crash sends a signal that lets a Go process print its goroutines and end, such as SIGABRT, and waits for that.
func (p *Controller) Crash(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
	}
	p.Kill()
}

// Ended is closed when the process has exited.
func (p *Controller) Ended() <-chan struct{} { return p.ended }

// Stop stops the process as a Pod is stopped, with SIGTERM. It returns an error if it fails or takes more than 30 s.
func (p *Controller) Stop() error {
	defer os.RemoveAll(p.folder)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(30 * time.Second):
		p.Kill()
		return errors.New("the controller did not exit within 30 s after SIGTERM")
	}
}

// ExpireLease releases the Lease of a killed controller, so that the next one does not have to wait until it expires.
func (c *Cluster) ExpireLease(ctx context.Context) error {
	return client.IgnoreNotFound(c.Client.DeleteAllOf(ctx, &coordinationv1.Lease{}, client.InNamespace("apisix-certs")))
}

// freeAddrs returns unused addresses of this machine.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addrs = append(addrs, listener.Addr().String())
	}
	return addrs, nil
}
