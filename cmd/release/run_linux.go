// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// runIn runs the command of the image that is unpacked at root, with chroot, as the user of the image, without environment and
// capabilities. If the current user is not root, it uses a user namespace.
func runIn(ctx context.Context, root string, args ...string) (string, error) {
	const id = 65532
	command := exec.CommandContext(ctx, "/"+binary, args...)
	command.Dir, command.Env = "/", []string{}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: id, Gid: id, NoSetGroups: os.Getuid() != 0}}
	if uid := os.Getuid(); uid != 0 {
		command.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: id, HostID: uid, Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Getgid(), Size: 1}}
	}
	output, err := command.CombinedOutput()
	return string(output), err
}
