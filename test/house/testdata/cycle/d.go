// SPDX-License-Identifier: Apache-2.0

package cycle

var fifth = func() int {
	apart := first()
	return apart
}
