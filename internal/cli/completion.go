// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// names lists the names of objects in the selected namespaces.
type names func(ctx context.Context, a *access) ([]string, error)

// completion is a ValidArgsFunction of cobra.
type completion = func(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective)

// completeOne completes the only argument.
func (k *kubeFlags) completeOne(list names) completion {
	return func(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return k.complete(list, nil, begin)
	}
}

// completeAll completes every argument with the names that are not among the arguments yet.
func (k *kubeFlags) completeAll(list names) completion {
	return func(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
		return k.complete(list, args, begin)
	}
}

func (k *kubeFlags) complete(list names, given []string, begin string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.Background(), progressDelay)
	defer cancel()
	*k.Timeout = progressDelay.String() // completion must be quick
	a, err := k.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, err := list(ctx, a)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return matchingNames(all, given, begin), cobra.ShellCompDirectiveNoFileComp
}

// matchingNames returns the names with prefix begin, sorted, without those in given and those with control characters.
func matchingNames(all, given []string, begin string) []string {
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool {
		return !strings.HasPrefix(name, begin) || slices.Contains(given, name) || strings.ContainsFunc(name, terminal.Control)
	})
}

// namesOfKind lists the names of a kind.
func namesOfKind(kind schema.GroupVersionKind, options ...client.ListOption) names {
	return func(ctx context.Context, a *access) ([]string, error) {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		err := a.list(ctx, list, options...)
		var found []string
		for i := range list.Items {
			found = append(found, list.Items[i].Name)
		}
		return found, err
	}
}

var (
	certificateNames = namesOfKind(v1alpha1.GroupVersion.WithKind("ApisixCertificate"))
	// certManagerCertificateNames lists the names of cert-manager's Certificates.
	certManagerCertificateNames = namesOfKind(schema.GroupVersionKind{Group: v1alpha1.GroupCertManager, Version: "v1", Kind: "Certificate"})
	secretNames                 = namesOfKind(corev1.SchemeGroupVersion.WithKind("Secret"), client.MatchingFields{"type": string(corev1.SecretTypeTLS)})
)

// namespaceNames lists all namespaces of the cluster, whatever -n is.
func namespaceNames(ctx context.Context, a *access) ([]string, error) {
	everywhere := *a
	everywhere.namespace, everywhere.watched = "", nil
	return namesOfKind(corev1.SchemeGroupVersion.WithKind("Namespace"))(ctx, &everywhere)
}

// decidable lists the certificates that can be approved or denied.
func decidable(ctx context.Context, a *access) ([]string, error) {
	list, err := a.certificates(ctx, "", "")
	if err != nil {
		return nil, err
	}
	var found []string
	for i := range list.Items {
		if _, err := approvalFor(&list.Items[i]); err == nil {
			found = append(found, list.Items[i].Name)
		}
	}
	return found, nil
}

// completeLocation completes the arguments of inspect: a kind, and the name of a Secret.
func (k *kubeFlags) completeLocation(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	before := ""
	if len(args) > 0 {
		before = args[len(args)-1]
	}
	kind, name, joined := strings.Cut(begin, "/")
	switch {
	case before == "file":
		return nil, cobra.ShellCompDirectiveDefault
	case before == "host" || before == "ssl":
		return nil, cobra.ShellCompDirectiveNoFileComp
	case before == "secret":
		return k.complete(secretNames, nil, begin)
	case joined && kind == "secret":
		found, directive := k.complete(secretNames, nil, name)
		for i := range found {
			found[i] = "secret/" + found[i]
		}
		return found, directive
	}
	return matchingNames([]string{"file", "host", "secret/", "ssl/"}, nil, begin), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// addCompletions completes the values of kubectl's flags.
func (k *kubeFlags) addCompletions(c *cobra.Command) {
	completions := map[string]completion{
		"namespace": func(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
			return k.complete(namespaceNames, nil, begin)
		},
		"context": k.completeConfig(func(raw clientcmdapi.Config) []string { return slices.Collect(maps.Keys(raw.Contexts)) }),
		"cluster": k.completeConfig(func(raw clientcmdapi.Config) []string { return slices.Collect(maps.Keys(raw.Clusters)) }),
		"user":    k.completeConfig(func(raw clientcmdapi.Config) []string { return slices.Collect(maps.Keys(raw.AuthInfos)) }),
	}
	for flag, complete := range completions {
		_ = c.RegisterFlagCompletionFunc(flag, complete) // fails only if the flag does not exist
	}
}

// completeConfig completes names in the kubeconfig.
func (k *kubeFlags) completeConfig(list func(clientcmdapi.Config) []string) completion {
	return func(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
		raw, err := k.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return matchingNames(list(raw), nil, begin), cobra.ShellCompDirectiveNoFileComp
	}
}
