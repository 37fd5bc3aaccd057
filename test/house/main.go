// SPDX-License-Identifier: Apache-2.0

// Command house measures how the packages of the product are built, by what can be counted: size, and how much the files of
// a package lean on each other. Each package is one line:
//
//	house package=controllers/certificate files=37 lines=4966 functions=292 longest=55 cycle=34/37 refs=5.7 struct=observed/27
//
// cycle is the largest set of files that reach each other by the names they use, refs how many other files of its package
// a file uses names of, the mean over the files, and struct the one with most fields. Tests, generated code and fakes are
// left out. With -check it fails where a bound is exceeded. It judges nothing else: a package within all bounds may be bad.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	checked := flag.Bool("check", false, "fail where a bound is exceeded")
	uses := flag.Bool("uses", false, "print which names the files of the packages use of each other, instead")
	flag.Parse()
	if err := run(*checked, *uses, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
}

func run(checked, uses bool, patterns []string) error {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	if uses {
		return printUses(os.Stdout, ".", patterns...)
	}
	all, err := measureAll(".", patterns...)
	if err != nil {
		return err
	}
	for _, f := range all {
		fmt.Println(f)
	}
	if checked {
		return check(all)
	}
	return nil
}
