// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// columns are what kubectl get shows of an object, by the names of the columns.
func (s *scene) columns(resource, name string) map[string]string {
	s.Helper()
	c, err := rest.HTTPClientFor(s.Kube.Config)
	s.must(err)
	url := fmt.Sprintf("%sapis/apisix-certs.io/v1alpha1/namespaces/%s/%s/%s", s.Kube.Config.Host, s.ns, resource, name)
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, url, nil)
	s.must(err)
	request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	answer, err := c.Do(request)
	s.must(err)
	defer answer.Body.Close()
	var table metav1.Table
	s.must(json.NewDecoder(answer.Body).Decode(&table))
	columns := map[string]string{}
	for i, definition := range table.ColumnDefinitions {
		columns[definition.Name] = fmt.Sprint(table.Rows[0].Cells[i])
	}
	return columns
}
