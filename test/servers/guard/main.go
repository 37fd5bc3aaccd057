// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Command guard becomes the server whose name it was started under, after it has asked the kernel to kill that server
// when its starter dies, however it dies. envtest starts etcd and the API server without that request, so a test that
// panics or is killed would leave them running. The server is looked for one folder above:
// DIR/guarded/etcd -> guard, which runs DIR/etcd. Where the kernel has no such request (anything but Linux) it only
// runs the server.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

func main() {
	// The request holds for the thread that makes it, and exec keeps the thread it is called on.
	runtime.LockOSThread()
	server := filepath.Join(filepath.Dir(os.Args[0]), "..", filepath.Base(os.Args[0]))
	err := dieWithParent()
	if err == nil {
		err = syscall.Exec(server, append([]string{server}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintf(os.Stderr, "guard: %s: %v\n", server, err)
	os.Exit(1)
}
