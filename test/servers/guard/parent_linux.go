// SPDX-License-Identifier: Apache-2.0

package main

import "syscall"

// dieWithParent has SIGKILL sent to this process when its parent ends (prctl(2), PR_SET_PDEATHSIG).
func dieWithParent() error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
