package hpa

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

var quantities = flag.String("quantities", "", "quantities, one a line: what apimachinery makes of each goes to -out")

// TestQuantities reads each line as a quantity, and also adds it to the one before.
func TestQuantities(t *testing.T) {
	if *quantities == "" || *out == "" {
		t.Skip("no -quantities and -out given")
	}
	source, err := os.Open(*quantities)
	if err != nil {
		t.Fatal(err)
	}
	target, err := os.Create(*out)
	if err != nil {
		t.Fatal(err)
	}
	writer := bufio.NewWriter(target)
	before := resource.Quantity{}
	for lines := bufio.NewScanner(source); lines.Scan(); {
		quantity, err := resource.ParseQuantity(lines.Text())
		if err != nil {
			fmt.Fprintln(writer, "refused")
			continue
		}
		sum := before.DeepCopy()
		sum.Add(quantity)
		before = quantity
		fmt.Fprintf(writer, "%d %016x %d %d\n", quantity.MilliValue(), math.Float64bits(quantity.AsApproximateFloat64()), sum.MilliValue(), quantity.Sign())
	}
	if err := errors.Join(writer.Flush(), target.Close()); err != nil {
		t.Fatal(err)
	}
}
