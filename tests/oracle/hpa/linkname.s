// Empty on purpose: a Go package with an assembly file may declare functions without a body.
