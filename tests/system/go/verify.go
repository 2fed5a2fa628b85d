// One verified TLS connection for each NAME=PORT. Arguments: file with the trusted root, then the pairs.
// Prints "accepted NAME" or "refused NAME REASON" for each.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	pem, err := os.ReadFile(os.Args[1])
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		fmt.Println("no root in", os.Args[1])
		os.Exit(1)
	}
	for _, pair := range os.Args[2:] {
		name, port, _ := strings.Cut(pair, "=")
		plain, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			err = tls.Client(plain, &tls.Config{RootCAs: roots, ServerName: name}).Handshake()
		}
		if err != nil {
			fmt.Println("refused", name, err)
		} else {
			fmt.Println("accepted", name)
		}
	}
}
