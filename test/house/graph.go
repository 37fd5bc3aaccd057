// SPDX-License-Identifier: Apache-2.0

package main

// graph has for each file those that it reaches by one name at least.
type graph map[string]map[string]bool

// largestCycle is the number of files of the largest strongly connected component (Tarjan), 0 where no file reaches itself
// by way of another.
func (g graph) largestCycle() int {
	t := tarjan{graph: g, order: map[string]int{}, lowest: map[string]int{}, open: map[string]bool{}}
	for file := range g {
		if t.order[file] == 0 {
			t.visit(file)
		}
	}
	return t.largest
}

type tarjan struct {
	graph   graph
	order   map[string]int // when a file was visited, from 1
	lowest  map[string]int // the earliest open file that it reaches
	stack   []string
	open    map[string]bool // on the stack
	largest int
}

func (t *tarjan) visit(file string) {
	t.order[file] = len(t.order) + 1
	t.lowest[file] = t.order[file]
	t.stack, t.open[file] = append(t.stack, file), true
	for next := range t.graph[file] {
		switch {
		case t.order[next] == 0:
			t.visit(next)
			t.lowest[file] = min(t.lowest[file], t.lowest[next])
		case t.open[next]:
			t.lowest[file] = min(t.lowest[file], t.order[next])
		}
	}
	if t.lowest[file] != t.order[file] {
		return
	}
	size := 0
	for done := false; !done; size++ {
		last := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.open[last] = false
		done = last == file
	}
	if size > 1 {
		t.largest = max(t.largest, size)
	}
}
