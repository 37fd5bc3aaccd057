// SPDX-License-Identifier: Apache-2.0

package cycle

func second() int {
	var t third
	return t.method()
}
