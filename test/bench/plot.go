// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// plot draws how the cost a certificate depends on n, as SVG: a panel a cost, a line a scenario, both axes logarithmic, so
// that a cost that grows with n rises and one that does not is flat.
func plot(rows []row) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", 2*panelWidth, 2*panelHeight+legend)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	for i, c := range costs {
		p := newPanel(c, rows)
		fmt.Fprintf(&b, `<g transform="translate(%d,%d)">`+"\n", i%2*panelWidth, i/2*panelHeight)
		p.draw(&b, rows)
		fmt.Fprintln(&b, "</g>")
	}
	for i, name := range plotted {
		x, y := 60+i*130, 2*panelHeight+legend/2
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="3"/><text x="%d" y="%d">%s</text>`+"\n",
			x, y, x+24, y, colours[i], x+30, y+4, name)
	}
	fmt.Fprintln(&b, "</svg>")
	return b.Bytes()
}

const (
	panelWidth, panelHeight, legend = 420, 260, 40

	left, right, top, bottom = 60, 20, 40, 40 // around the axes of a panel
)

// plotted are the scenarios of the plot, each with its colour.
var (
	plotted = []string{"create", "renew", "restart", "wipe", "single_p50"}
	colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"}
)

// cost is what a panel shows; zero values of a scenario are left out.
type cost struct {
	title string
	of    func(row) float64
}

var costs = []cost{
	{"time, ms a certificate (single_p50: renewal to served)", func(r row) float64 {
		if r.Scenario == "single_p50" {
			return 1000 * r.Seconds
		}
		return 1000 * r.Seconds / float64(r.N)
	}},
	{"CPU of the controller, ms a certificate", func(r row) float64 { return r.CPUMsPerCert }},
	{"API server requests a certificate", func(r row) float64 { return r.KubeRequestsPerCert }},
	{"peak memory of the controller, MiB", func(r row) float64 { return r.PeakRSSMiB }},
}

// panel knows the exponents of ten between which its axes run.
type panel struct {
	cost
	x0, x1, y0, y1 float64
}

func newPanel(c cost, rows []row) panel {
	p, first := panel{cost: c}, true
	for _, r := range rows {
		v := c.of(r)
		if v <= 0 || !slices.Contains(plotted, r.Scenario) {
			continue
		}
		x, y := math.Log10(float64(r.N)), math.Log10(v)
		if first {
			p.x0, p.x1, p.y0, p.y1, first = x, x, math.Floor(y), math.Ceil(y), false
		}
		p.x0, p.x1, p.y0, p.y1 = min(p.x0, x), max(p.x1, x), min(p.y0, math.Floor(y)), max(p.y1, math.Ceil(y))
	}
	if p.x1 <= p.x0 { // one n, or none
		p.x0, p.x1 = p.x0-1, p.x0+1
	}
	if p.y1 <= p.y0 {
		p.y1 = p.y0 + 1
	}
	return p
}

func (p panel) x(n int) float64 {
	return left + (math.Log10(float64(n))-p.x0)/(p.x1-p.x0)*(panelWidth-left-right)
}

func (p panel) y(v float64) float64 {
	return panelHeight - bottom - (math.Log10(v)-p.y0)/(p.y1-p.y0)*(panelHeight-top-bottom)
}

func (p panel) draw(b *bytes.Buffer, rows []row) {
	fmt.Fprintf(b, `<text x="%d" y="24" font-weight="bold">%s</text>`+"\n", left, p.title)
	for exponent := p.y0; exponent <= p.y1; exponent++ {
		v := math.Pow(10, exponent)
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			left, p.y(v), panelWidth-right, p.y(v), left-6, p.y(v)+4, v)
	}
	var told []int
	for i, name := range plotted {
		line := ""
		for _, r := range rows {
			v := p.of(r)
			if r.Scenario != name || v <= 0 {
				continue
			}
			line += fmt.Sprintf("%.1f,%.1f ", p.x(r.N), p.y(v))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", p.x(r.N), p.y(v), colours[i])
			if !slices.Contains(told, r.N) {
				told = append(told, r.N)
				fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">n=%d</text>`+"\n", p.x(r.N), panelHeight-bottom+18, r.N)
			}
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", line, colours[i])
	}
}
