// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"fmt"
	"sync"
	"testing"
)

// tally counts attacks and the honest uses beside them.
var tally struct {
	sync.Mutex
	total, refused, honest int
	foreign, untouched     int
}

// row is one attack. Both functions fail their test in one line that says what the attack achieved, or what an honest user
// can no longer do.
type row struct {
	name string
	// attack does what a tenant may do, and checks what must hold afterwards.
	attack func(*scene)
	// honest uses the same feature as it is meant.
	honest func(*scene)
}

// run runs rows at the same time, each in a scene of its own that begin makes.
func run(t *testing.T, begin func(*testing.T) *scene, rows ...row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.play(begin(t))
		})
	}
}

func (r row) play(s *scene) {
	s.attack(r.attack)
	s.honest(r.honest)
}

// attack is a subtest that counts as refused if it passes, and not at all if it is skipped.
func (s *scene) attack(try func(*scene)) {
	passed, skipped := false, false
	s.Run("attack", func(t *testing.T) {
		defer func() { passed, skipped = !t.Failed(), t.Skipped() }()
		try(s.on(t))
	})
	tally.Lock()
	defer tally.Unlock()
	if skipped {
		return
	}
	tally.total++
	if passed {
		tally.refused++
	}
}

// honest is a subtest that counts as an honest use if it passes.
func (s *scene) honest(use func(*scene)) {
	passed := false
	s.Run("honest", func(t *testing.T) {
		defer func() { passed = !t.Failed() }()
		use(s.on(t))
	})
	tally.Lock()
	defer tally.Unlock()
	if passed {
		tally.honest++
	}
}

func printTally() {
	tally.Lock()
	defer tally.Unlock()
	if tally.foreign > 0 {
		fmt.Printf("measure: foreign_secrets n=%d untouched=%d\n", tally.foreign, tally.untouched)
	}
	if tally.total > 0 {
		fmt.Printf("measure: attacks total=%d refused=%d honest_uses=%d\n", tally.total, tally.refused, tally.honest)
	}
}
