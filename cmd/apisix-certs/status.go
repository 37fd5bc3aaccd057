// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// statusCommand is one call of status.
type statusCommand struct {
	kube     kubeFlags
	selector string
	watch    bool
	format   *choice
	out      io.Writer
}

func newStatus() *cobra.Command {
	s := &statusCommand{}
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show the certificates: hosts, issuer, expiry, renewal, and whether they are pushed and served",
		Long: "Show the ApisixCertificates of a namespace, those that are not Ready first in colour, or with NAME all of one.\n" +
			"The exit code is 2 where one is not Ready.",
		Example: "  apisix-certs status -A\n  apisix-certs status -n shop -l team=web --watch\n  apisix-certs status shop-tls -o yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s.out = c.OutOrStdout()
			return s.run(c, strings.Join(args, ""))
		},
		ValidArgsFunction: s.kube.completeNames,
	}
	s.kube.add(c)
	addWatchNamespaces(c.Flags(), &s.kube.watched, "all of these namespaces, such as shop,web, for those who may not look into others")
	c.MarkFlagsMutuallyExclusive("watch-namespaces", "namespace")
	c.Flags().StringVarP(&s.selector, "selector", "l", "", "only those with these labels, such as team=web")
	c.Flags().BoolVarP(&s.watch, "watch", "w", false, "go on and show each change")
	s.format = addOutput(c, "table", "json", "yaml")
	return c
}

func (s *statusCommand) run(c *cobra.Command, name string) error {
	waiting := startProgress(c.ErrOrStderr(), "asking the API server")
	defer waiting.end()
	s.kube.all = s.kube.all || len(s.kube.watched) > 0
	a, err := s.kube.open()
	if err != nil {
		return err
	}
	list, err := a.certificates(c.Context(), name, s.selector)
	if err != nil {
		return err
	}
	waiting.end()
	now := time.Now()
	standings := standingsOf(list.Items, now)
	if err := s.show(standings, name, now); err != nil {
		return err
	}
	if s.watch {
		return a.explain(s.follow(c.Context(), a, list, name))
	}
	if len(standings) == 0 && s.format.value == "table" {
		fmt.Fprintln(c.ErrOrStderr(), "No ApisixCertificates found"+inNamespace(strings.Join(a.within(), ", "))+".")
	}
	if slices.ContainsFunc(standings, func(s standing) bool { return s.Ready != "True" }) {
		return &foundError{}
	}
	return nil
}

func (s *statusCommand) show(standings []standing, name string, now time.Time) error {
	switch {
	case s.format.value != "table" && name != "":
		return encode(s.out, s.format.value, standings[0])
	case s.format.value != "table":
		return encode(s.out, s.format.value, map[string]any{"certificates": standings})
	case len(standings) == 0:
		return nil
	}
	rows := [][]cell{standingHead(s.kube.all)}
	for _, st := range standings {
		rows = append(rows, st.row(s.kube.all, now))
	}
	writeTable(s.out, rows)
	if name != "" {
		standings[0].tell(s.out)
	}
	return nil
}

// follow shows each change until ctx ends.
func (s *statusCommand) follow(ctx context.Context, a *access, list *v1alpha1.ApisixCertificateList, name string) error {
	shown := map[client.ObjectKey]standing{}
	for _, st := range standingsOf(list.Items, time.Now()) {
		shown[st.key()] = st
	}
	var one sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, namespace := range a.within() {
		group.Go(func() error {
			return s.followIn(ctx, a, namespace, func(cert *v1alpha1.ApisixCertificate, deleted bool) {
				one.Lock()
				defer one.Unlock()
				if name == "" || cert.Name == name {
					s.changed(shown, cert, deleted)
				}
			})
		})
	}
	return group.Wait()
}

// followIn passes on what happens in a namespace. A watch that the API server ends is begun again.
func (s *statusCommand) followIn(ctx context.Context, a *access, namespace string, happened func(cert *v1alpha1.ApisixCertificate, deleted bool)) error {
	parsed, _ := labels.Parse(s.selector) // it was parsed for the list
	for ctx.Err() == nil {
		w, err := a.Watch(ctx, &v1alpha1.ApisixCertificateList{}, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: parsed})
		if err != nil && ctx.Err() == nil {
			return err
		}
		for ctx.Err() == nil {
			event, ok := <-w.ResultChan()
			if !ok {
				break
			}
			if cert, isCert := event.Object.(*v1alpha1.ApisixCertificate); isCert {
				happened(cert, event.Type == watch.Deleted)
			}
		}
	}
	return nil
}

// changed shows a certificate if it is another than the last time.
func (s *statusCommand) changed(shown map[client.ObjectKey]standing, cert *v1alpha1.ApisixCertificate, deleted bool) {
	now := time.Now()
	st := standingOf(cert, now)
	if deleted {
		st.Ready, st.Reason, st.Message = "Deleted", "Deleted", ""
	}
	if last, known := shown[st.key()]; known && last.same(st) {
		return
	}
	shown[st.key()] = st
	if s.format.value != "table" {
		_ = encode(s.out, s.format.value, st) // a closed pipe ends the watch by its signal
		return
	}
	writeTable(s.out, [][]cell{st.row(s.kube.all, now)})
}
