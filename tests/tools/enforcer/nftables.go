package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// table is ours alone: to delete it is to enforce nothing.
const table = "ip enforcer"

// The forward chain sees what pods of one node send each other, too: bridges hand their packets to it (net.bridge.bridge-nf-call-iptables). What
// comes from the node itself it does not see, and so lets it through, as it has to be (kubelets' probes). Connections that stand are let on, as by
// most network plugins, and replies with them.
const rules = `
add table ` + table + `
delete table ` + table + `
table ` + table + ` {
  set denied { type ipv4_addr . ipv4_addr . inet_proto . inet_service; }
  chain between {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ip saddr . ip daddr . meta l4proto . th dport @denied drop
  }
}
`

func begin() error { return nft(rules) }

func end() {
	if err := nft("delete table " + table + "\n"); err != nil {
		fmt.Fprintln(os.Stderr, "enforcer:", err)
	}
}

// write puts these elements in the place of those in force, in one transaction.
func write(denied []string) error {
	script := "flush set " + table + " denied\n"
	if len(denied) > 0 {
		script += "add element " + table + " denied { " + strings.Join(denied, ", ") + " }\n"
	}
	return nft(script)
}

func nft(script string) error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(script)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, said)
	}
	return nil
}
