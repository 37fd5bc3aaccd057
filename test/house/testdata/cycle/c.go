// SPDX-License-Identifier: Apache-2.0

package cycle

type third struct{ w *wide }

func (t third) method() int {
	return t.w.one
}
