// Command certmanager runs cert-manager's own controllers for a test. Its commands are modules that no proxy has, but
// all that they run are packages of the main one. Issuers: selfSigned and ca.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func run(ctx context.Context) error {
	// A set of its own: packages that are imported have put theirs into the common one.
	flags := flag.NewFlagSet("certmanager", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "where the API server is, and who asks it")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	ctrl.SetLogger(klog.Background())
	if *kubeconfig == "" || flags.NArg() != 1 {
		return errors.New("usage: certmanager --kubeconfig FILE controller|cainjector")
	}
	switch role := flags.Arg(0); role {
	case "controller":
		return controllers(ctx, *kubeconfig)
	case "cainjector":
		return injectors(ctx, *kubeconfig)
	default:
		return fmt.Errorf("certmanager is no %q", role)
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}
