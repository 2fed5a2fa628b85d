// One POST through a CONNECT proxy by net/http, which speaks HTTP/2 where that is agreed on. Options as JSON in the
// argument; prints one line of JSON.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

type options struct {
	Proxy, CA, URL, Body string
	Fields               [][2]string
}

func post(ask options) (map[string]any, error) {
	pem, err := os.ReadFile(ask.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	proxy, err := url.Parse(ask.Proxy)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	request, err := http.NewRequest("POST", ask.URL, strings.NewReader(ask.Body))
	if err != nil {
		return nil, err
	}
	for _, field := range ask.Fields {
		request.Header.Add(field[0], field[1])
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return map[string]any{"proto": answer.Proto, "status": answer.StatusCode, "body": body}, err
}

func main() {
	var ask options
	err := json.Unmarshal([]byte(os.Args[1]), &ask)
	if err == nil {
		var line map[string]any
		if line, err = post(ask); err == nil {
			json.NewEncoder(os.Stdout).Encode(line)
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
