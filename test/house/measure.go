// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// figures are what is measured of one package.
type figures struct {
	Package   string // its path below the module
	Files     int
	Lines     int
	Functions int     // methods included
	Longest   int     // lines of the longest function
	Cycle     int     // files of the largest cycle; 0 where there is none
	Refs      float64 // other files of the package whose names a file uses, the mean of the files
	Struct    string  // the one with most fields; empty where there is none
	Fields    int
}

func (f figures) String() string {
	s := "-/0"
	if f.Struct != "" {
		s = fmt.Sprintf("%s/%d", f.Struct, f.Fields)
	}
	return fmt.Sprintf("house package=%s files=%d lines=%d functions=%d longest=%d cycle=%d/%d refs=%.1f struct=%s",
		f.Package, f.Files, f.Lines, f.Functions, f.Longest, f.Cycle, f.Files, f.Refs, s)
}

// measureAll measures the packages of the product that the patterns name, seen from dir, in the order of their paths.
func measureAll(dir string, patterns ...string) ([]figures, error) {
	loaded, err := load(dir, patterns...)
	if err != nil {
		return nil, err
	}
	var all []figures
	for _, p := range loaded {
		name := strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, p.Module.Path), "/")
		if !isProduct(name) {
			continue
		}
		f, err := measure(p)
		if err != nil {
			return nil, err
		}
		if f.Package = name; f.Files > 0 {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b figures) int { return strings.Compare(a.Package, b.Package) })
	return all, nil
}

func load(dir string, patterns ...string) ([]*packages.Package, error) {
	loaded, err := packages.Load(&packages.Config{
		Dir:  dir,
		Mode: packages.LoadSyntax | packages.NeedModule,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("package %s: %w", p.PkgPath, p.Errors[0])
		}
	}
	return loaded, nil
}

// isProduct leaves out what is linked into tests alone: the folder test, and packages of fakes, which are named after what
// they stand for.
func isProduct(name string) bool {
	return name != "test" && !strings.HasPrefix(name, "test/") && !strings.HasSuffix(path.Base(name), "test")
}

func measure(p *packages.Package) (figures, error) {
	f := figures{}
	used := graph{}
	for _, file := range p.Syntax {
		if ast.IsGenerated(file) {
			continue
		}
		f.Files++
		lines, err := formattedLines(p.Fset, file)
		if err != nil {
			return f, err
		}
		f.Lines += lines
		for _, declared := range file.Decls {
			switch d := declared.(type) {
			case *ast.FuncDecl:
				f.Functions++
				f.Longest = max(f.Longest, p.Fset.Position(d.End()).Line-p.Fset.Position(d.Pos()).Line+1)
			case *ast.GenDecl:
				f.addStructs(d)
			}
		}
		others := filesUsedBy(p, file)
		used[fileOf(p.Fset, file.Pos())] = others
		f.Refs += float64(len(others))
	}
	f.Refs /= float64(max(1, f.Files))
	f.Cycle = used.largestCycle()
	return f, nil
}

// addStructs counts the fields of the structs that a declaration names; an embedded one is one field.
func (f *figures) addStructs(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		if s, ok := t.Type.(*ast.StructType); ok && s.Fields.NumFields() > f.Fields {
			f.Struct, f.Fields = t.Name.Name, s.Fields.NumFields()
		}
	}
}

func formattedLines(files *token.FileSet, file *ast.File) (int, error) {
	var text bytes.Buffer
	if err := format.Node(&text, files, file); err != nil {
		return 0, fmt.Errorf("format %s: %w", fileOf(files, file.Pos()), err)
	}
	return bytes.Count(text.Bytes(), []byte("\n")), nil
}

func fileOf(files *token.FileSet, at token.Pos) string { return files.Position(at).Filename }

// filesUsedBy gives the other files of the package that declare something the file uses: a function, method, type, field,
// variable or constant. Names are resolved, so one that is only spelled alike is none.
func filesUsedBy(p *packages.Package, file *ast.File) map[string]bool {
	used := map[string]bool{}
	for other := range namesUsedBy(p, file) {
		used[other] = true
	}
	return used
}

// namesUsedBy gives the names that a file uses of each other file of its package.
func namesUsedBy(p *packages.Package, file *ast.File) map[string]map[string]bool {
	own, used := fileOf(p.Fset, file.Pos()), map[string]map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		name, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		object := p.TypesInfo.Uses[name]
		if object == nil || object.Pkg() != p.Types {
			return true
		}
		other := fileOf(p.Fset, object.Pos())
		if used[other] == nil {
			used[other] = map[string]bool{}
		}
		used[other][object.Name()] = true
		return true
	})
	delete(used, own)
	return used
}

// printUses prints for each file of the packages the names that it uses of each other file: what to look at where a cycle is to
// be broken.
func printUses(out io.Writer, dir string, patterns ...string) error {
	loaded, err := load(dir, patterns...)
	if err != nil {
		return err
	}
	for _, p := range loaded {
		for _, file := range p.Syntax {
			names := namesUsedBy(p, file)
			for _, other := range slices.Sorted(maps.Keys(names)) {
				fmt.Fprintf(out, "%s -> %s: %s\n", path.Base(fileOf(p.Fset, file.Pos())), path.Base(other), strings.Join(slices.Sorted(maps.Keys(names[other])), " "))
			}
		}
	}
	return nil
}
