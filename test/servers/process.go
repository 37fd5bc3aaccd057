// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

const (
	// startTimeout bounds one server's start. Seconds are enough on an idle machine; builds beside it make it slow.
	startTimeout = 2 * time.Minute
	// stopGrace is the time from SIGTERM to SIGKILL.
	stopGrace = 10 * time.Second
)

// process is a server that this program started.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *tail
	ended chan struct{}
}

// start runs a guarded server. Standard output goes to out, or to the log where out is nil.
func start(cmd *exec.Cmd, name string, out, log io.Writer) (*process, error) {
	p := &process{name: name, cmd: cmd, log: &tail{next: log}, ended: make(chan struct{})}
	cmd.Stderr = p.log
	cmd.Stdout = out
	if out == nil {
		cmd.Stdout = p.log
	}
	// A group of its own: the interrupt key must reach this program alone, which then stops its servers in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A client that the server left behind may hold its output open.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(p.ended)
	}()
	return p, nil
}

// await polls ready until it holds. A server that ends or is not ready in time is stopped; the error then carries the
// last lines of its log.
func (p *process) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-tick.C:
		case <-p.ended:
			return p.failed(fmt.Errorf("ended early: %v", p.cmd.ProcessState))
		case <-ctx.Done():
			p.stop()
			return p.failed(ctx.Err())
		}
	}
	return nil
}

func (p *process) failed(err error) error {
	return &StartError{Server: p.name, Err: err, Log: p.log.String()}
}

// stop ends the server in good order, or after a grace without it. It may be called again.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only where it has ended
	select {
	case <-p.ended:
	case <-time.After(stopGrace):
		p.kill()
	}
}

// kill ends the server at once. It may be called again.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}
