// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// controllerName and benchName are the names of processes in counts. The stand-in is within the bench.
const (
	controllerName = "controller"
	benchName      = "bench and stand-in"
)

// tick is the unit of the times in /proc/PID/stat: proc(5), sysconf(_SC_CLK_TCK), which is 100 on Linux.
const tick = 10 * time.Millisecond

// cpuByProcess is the CPU time, user and system, of this process and its children that run, by their names.
func cpuByProcess() map[string]time.Duration {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	type process struct {
		name   string
		parent int
		cpu    time.Duration
	}
	all := map[int]process{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// PID (NAME) STATE PPID ...; the name may hold blanks and brackets.
		open, shut := strings.IndexByte(string(data), '('), strings.LastIndexByte(string(data), ')')
		pid, _ := strconv.Atoi(strings.TrimSpace(string(data[:open])))
		fields := strings.Fields(string(data[shut+1:]))
		parent, _ := strconv.Atoi(fields[1])
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		all[pid] = process{string(data[open+1 : shut]), parent, time.Duration(user+system) * tick}
	}
	times := map[string]time.Duration{}
	self := os.Getpid()
	for pid, p := range all {
		for at := pid; at > 1; at = all[at].parent {
			if at == self {
				times[processName(pid == self, p.name)] += p.cpu
				break
			}
		}
	}
	return times
}

func processName(self bool, name string) string {
	switch {
	case self:
		return benchName
	case name == "apisix-certs":
		return controllerName
	}
	return name
}

// resetPeak lets the peak of a process's memory begin anew: proc(5), clear_refs.
func resetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o200)
}

// peak is the greatest resident memory of a process since resetPeak, in MiB: VmHWM of proc(5).
func peak(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(data), "VmHWM:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
	}
	kib, err := strconv.Atoi(fields[0])
	return float64(kib) / 1024, err
}
