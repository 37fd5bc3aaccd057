// SPDX-License-Identifier: Apache-2.0

package cycle

func apart() {}
