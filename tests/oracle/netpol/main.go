// Command netpol makes up clusters and policies from a seed, aimed at what is easily got wrong, and writes down what two
// evaluators say of every connection: a small one of its own, on the selectors of k8s.io/apimachinery and the defaults of
// k8s.io/kubernetes, and cyclonus' matcher. Where they disagree and none of cyclonus' known errors explains it, it fails.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/sirupsen/logrus"
)

func main() {
	seed := flag.Int64("seed", 1, "the first seed")
	count := flag.Int64("count", 60, "how many scenarios")
	timed := flag.String("time", "", "only ask cyclonus about the connections in this `file`, and say how long it took")
	flag.Parse()
	// The matcher logs what it thinks of odd policies.
	logrus.SetLevel(logrus.PanicLevel)
	if *timed != "" {
		if err := measure(*timed); err != nil {
			log.Fatal(err)
		}
		return
	}

	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	encoder := json.NewEncoder(out)
	explained := map[string]int{}
	asked := 0
	for at := *seed; at < *seed+*count; at++ {
		scenario := invent(at)
		judge(scenario)
		asked += compare(scenario, explained)
		if err := encoder.Encode(scenario); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "figure netpol_cyclonus_verdicts %d\n", asked)
	for name, number := range explained {
		fmt.Fprintf(os.Stderr, "figure netpol_cyclonus_explained_%s %d\n", name, number)
	}
}
