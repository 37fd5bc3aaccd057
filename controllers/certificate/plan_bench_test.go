// SPDX-License-Identifier: Apache-2.0

package certificate

import "testing"

// BenchmarkDecide is the plan of a run that has nothing to do.
func BenchmarkDecide(b *testing.B) {
	s := fits(b)
	for b.Loop() {
		if p := s.decide(); p.issue || p.relabel || p.held != nil {
			b.Fatal("there is something to do")
		}
	}
}
