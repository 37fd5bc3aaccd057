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
	apiServerName  = "kube-apiserver"
	benchName      = "bench and stand-in"
	machineName    = "machine"
)

// tick is the unit of the times in /proc/PID/stat: proc(5), sysconf(_SC_CLK_TCK), which is 100 on Linux.
const tick = 10 * time.Millisecond

// process is a line of /proc/PID/stat.
type process struct {
	pid, parent int
	name        string
	cpu         time.Duration
}

// parseStat reads PID (NAME) STATE PPID ...; the name may hold blanks and brackets.
func parseStat(line string) (p process) {
	open, shut := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || shut < open {
		return p
	}
	p.name = line[open+1 : shut]
	p.pid, _ = strconv.Atoi(strings.TrimSpace(line[:open]))
	if fields := strings.Fields(line[shut+1:]); len(fields) > 12 {
		p.parent, _ = strconv.Atoi(fields[1])
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		p.cpu = time.Duration(user+system) * tick
	}
	return p
}

// cpuOf is the CPU time of one process; 0 where it has ended.
func cpuOf(pid int) time.Duration {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return parseStat(string(data)).cpu
}

// cpuByProcess is the CPU time, user and system, of this process and its children that run, by their names.
func cpuByProcess() map[string]time.Duration {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	all := map[int]process{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		p := parseStat(string(data))
		all[p.pid] = p
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

// cpuOfMachine is the CPU time that all processes of the machine have had: the first fields of /proc/stat, without those
// that tell of waiting.
func cpuOfMachine() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	fields := strings.Fields(string(data))
	if err != nil || len(fields) < 9 {
		return 0
	}
	total := time.Duration(0)
	for i, field := range fields[1:8] {
		if i == 3 || i == 4 { // idle, iowait
			continue
		}
		ticks, _ := strconv.Atoi(field)
		total += time.Duration(ticks) * tick
	}
	return total
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
