// SPDX-License-Identifier: Apache-2.0

package cli

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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// statusCommand is one run of status.
type statusCommand struct {
	kube     kubeFlags
	selector string
	watch    bool
	print    printFlags
	printer  printers.ResourcePrinter // nil for the table
	table    *statusTable
	out      io.Writer
}

func newStatus() *cobra.Command {
	s := &statusCommand{}
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show certificates: hosts, expiry, renewal, and whether they are pushed and served",
		Long: "Show the ApisixCertificates of a namespace. Those that are not Ready are listed first, in color. With NAME, show all\n" +
			"details of one. The exit code is 2 if a certificate is not Ready.\n\n" +
			"-o wide adds issuer, Secret and message. The other formats print the objects, as kubectl get does.",
		Example: "  apisix-certs status -A\n  apisix-certs status -n shop -l team=web --watch\n  apisix-certs status shop-tls -o yaml\n" +
			"  apisix-certs status -A -o custom-columns=NAME:.metadata.name,EXPIRES:.status.issued.notAfter",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s.out = c.OutOrStdout()
			return s.run(c, strings.Join(args, ""))
		},
		ValidArgsFunction: s.kube.completeOne(certificateNames),
	}
	s.kube.add(c)
	addWatchNamespaces(c.Flags(), &s.kube.watched, "list these namespaces, such as shop,web, if you are not allowed to list all")
	c.MarkFlagsMutuallyExclusive("watch-namespaces", "namespace")
	c.Flags().StringVarP(&s.selector, "selector", "l", "", "only list certificates with these labels, such as team=web")
	c.Flags().BoolVarP(&s.watch, "watch", "w", false, "After listing the requested objects, watch for changes")
	s.print.add(c)
	return c
}

func (s *statusCommand) run(c *cobra.Command, name string) (err error) {
	if s.printer, err = s.print.objectPrinter(); err != nil {
		return err
	}
	waiting := startProgress(c.ErrOrStderr(), "connecting to the API server")
	defer waiting.stop()
	s.kube.all = s.kube.all || len(s.kube.watched) > 0
	a, err := s.kube.connect()
	if err != nil {
		return err
	}
	list, err := a.certificates(c.Context(), name, s.selector)
	if err != nil {
		return err
	}
	waiting.stop()
	s.table = newStatusTable(s.out, printers.PrintOptions{NoHeaders: s.print.noHeaders, WithNamespace: s.kube.all, Wide: s.print.wide()})
	statuses := statusesOf(list.Items, time.Now())
	if err := s.show(list, statuses, name); err != nil {
		return err
	}
	if s.watch {
		return a.explainError(s.watchAll(c.Context(), a, list, name))
	}
	if len(statuses) == 0 && s.printer == nil {
		fmt.Fprintln(c.ErrOrStderr(), "No ApisixCertificates found"+inNamespace(strings.Join(a.namespaces(), ", "))+".")
	}
	if slices.ContainsFunc(statuses, func(s certificateStatus) bool { return s.Ready != "True" }) {
		return &problemsError{}
	}
	return nil
}

func (s *statusCommand) show(list *v1alpha1.ApisixCertificateList, statuses []certificateStatus, name string) error {
	switch {
	case s.printer != nil && name == "" && !s.watch:
		return s.printAll(list.Items)
	case s.printer != nil:
		for i := range list.Items {
			if err := s.printOne(&list.Items[i]); err != nil {
				return err
			}
		}
		return nil
	case len(statuses) == 0:
		return nil
	}
	now := time.Now()
	err := s.table.show(statuses, now)
	if err == nil && name != "" {
		statuses[0].writeDetails(s.out, now)
	}
	return err
}

func (s *statusCommand) printOne(cert *v1alpha1.ApisixCertificate) error {
	object, err := unstructuredOf(cert)
	if err != nil {
		return err
	}
	return s.print.printObject(s.printer, object, s.out)
}

// printAll prints the certificates as a List, as kubectl does.
func (s *statusCommand) printAll(certificates []v1alpha1.ApisixCertificate) error {
	all := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": ""}}}
	for i := range certificates {
		object, err := unstructuredOf(&certificates[i])
		if err != nil {
			return err
		}
		all.Items = append(all.Items, *object)
	}
	return s.print.printObject(s.printer, all, s.out)
}

// unstructuredOf converts a certificate and sets its kind, which clients do not set.
func unstructuredOf(cert *v1alpha1.ApisixCertificate) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(cert)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ApisixCertificate"))
	return object, nil
}

// watchAll shows each change until ctx is done.
func (s *statusCommand) watchAll(ctx context.Context, a *access, list *v1alpha1.ApisixCertificateList, name string) error {
	shown := map[client.ObjectKey]certificateStatus{}
	for i := range list.Items {
		shown[client.ObjectKeyFromObject(&list.Items[i])] = s.comparable(&list.Items[i], time.Now())
	}
	var one sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, namespace := range a.namespaces() {
		group.Go(func() error {
			return s.watchNamespace(ctx, a, namespace, func(cert *v1alpha1.ApisixCertificate, deleted bool) {
				one.Lock()
				defer one.Unlock()
				if name == "" || cert.Name == name {
					s.showChange(shown, cert, deleted)
				}
			})
		})
	}
	return group.Wait()
}

// watchNamespace calls onChange for each change in a namespace. It restarts a watch that the API server closes.
func (s *statusCommand) watchNamespace(ctx context.Context, a *access, namespace string, onChange func(cert *v1alpha1.ApisixCertificate, deleted bool)) error {
	parsed, _ := labels.Parse(s.selector) // already parsed for the list
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
				onChange(cert, event.Type == watch.Deleted)
			}
		}
	}
	return nil
}

// comparable returns what decides whether a change is shown: the row of the table, or the whole object.
func (s *statusCommand) comparable(cert *v1alpha1.ApisixCertificate, now time.Time) certificateStatus {
	st := statusOf(cert, now)
	if s.printer != nil {
		st.version = cert.ResourceVersion
	}
	return st
}

// showChange shows a certificate if it differs from what was shown last.
func (s *statusCommand) showChange(shown map[client.ObjectKey]certificateStatus, cert *v1alpha1.ApisixCertificate, deleted bool) {
	now := time.Now()
	st := s.comparable(cert, now)
	if deleted {
		st.Ready, st.Reason, st.Message = "Deleted", "Deleted", ""
	}
	if last, known := shown[st.key()]; known && last.same(st) {
		return
	}
	shown[st.key()] = st
	// A closed pipe ends the process with SIGPIPE.
	if s.printer != nil {
		_ = s.printOne(cert)
		return
	}
	_ = s.table.show([]certificateStatus{st}, now)
}
