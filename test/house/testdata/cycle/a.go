// SPDX-License-Identifier: Apache-2.0

// Package cycle has a cycle of three files: a uses b by a function, b uses c by a method, c uses a by a field. d uses a, is used by
// nobody, and spells a name of e without using it.
package cycle

type wide struct {
	one, two int
	embedded
}

type embedded struct{}

func first() int { return second() }
