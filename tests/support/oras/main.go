// Command ropeway-oras pushes and pulls with the ORAS library, as the oras command does: a peer for the tests of our own client.
//
//	ropeway-oras push [-artifact-type T] [-config FILE:TYPE] [-annotation K=V] [-subject REF] REF FILE[:TYPE]…   prints the manifest's digest
//	ropeway-oras pull [-output DIR] REF                                                                        prints the manifest's digest
//	ropeway-oras referrers [-artifact-type T] REF      prints a descriptor a line, as JSON
//	ropeway-oras tags REPOSITORY                       prints a tag a line
//	ropeway-oras copy FROM TO                          prints the manifest's digest
//	ropeway-oras serve                                 a registry in memory that has the referrers API; prints its address, ends with its standard input
//	ropeway-oras version                               prints the digest of the sources that it was built from
//
// The registry is the one of go-containerregistry, for want of a packaged one with that API. Loopback is spoken to in plain HTTP (-https asks for TLS; SSL_CERT_FILE names the certificates to trust). Credentials come from docker's
// configuration ($DOCKER_CONFIG). Files are named in a manifest as they are on the command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	memory "github.com/google/go-containerregistry/pkg/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

var source = "unknown" // set by the build

type annotations map[string]string

func (a annotations) String() string { return fmt.Sprint(map[string]string(a)) }

func (a annotations) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found {
		return errors.New("KEY=VALUE is wanted")
	}
	a[key] = value
	return nil
}

type options struct {
	artifactType string
	config       string
	subject      string
	output       string
	https        bool
	concurrency  int
	annotations  annotations
	rest         []string
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ropeway-oras:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("push, pull, referrers, tags, copy, serve or version is wanted")
	}
	verbs := map[string]func(context.Context, *options) error{
		"push": push, "pull": pull, "referrers": referrers, "tags": tags, "copy": copyAll, "serve": serve, "version": version,
	}
	verb, known := verbs[arguments[0]]
	if !known {
		return fmt.Errorf("there is no %q", arguments[0])
	}
	asked := &options{annotations: annotations{}}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.StringVar(&asked.artifactType, "artifact-type", "", "of the manifest, or of the referrers to list")
	flags.StringVar(&asked.config, "config", "", "FILE:TYPE of the config blob")
	flags.StringVar(&asked.subject, "subject", "", "what the pushed manifest refers to")
	flags.StringVar(&asked.output, "output", ".", "folder to pull into")
	flags.BoolVar(&asked.https, "https", false, "speak TLS, to loopback too")
	flags.IntVar(&asked.concurrency, "concurrency", 0, "transfers at once; 5 to push and 3 to pull, as oras has it")
	flags.Var(asked.annotations, "annotation", "KEY=VALUE of the manifest; may be repeated")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	asked.rest = flags.Args()
	return verb(ctx, asked)
}

// repository opens what a reference names, with the person's credentials.
func repository(asked *options, text string) (*remote.Repository, error) {
	repo, err := remote.NewRepository(text)
	if err != nil {
		return nil, err
	}
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, err
	}
	repo.PlainHTTP = !asked.https && isLoopback(repo.Reference.Registry)
	repo.Client = &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache(), Credential: credentials.Credential(store)}
	return repo, nil
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

// only returns the one positional argument.
func only(asked *options) (string, error) {
	if len(asked.rest) != 1 {
		return "", errors.New("one reference is wanted")
	}
	return asked.rest[0], nil
}

func push(ctx context.Context, asked *options) error {
	if len(asked.rest) < 1 {
		return errors.New("a reference is wanted, and files")
	}
	repo, err := repository(asked, asked.rest[0])
	if err != nil {
		return err
	}
	store, err := file.New("")
	if err != nil {
		return err
	}
	defer store.Close()
	store.TarReproducible = true
	root, err := pack(ctx, asked, repo, store)
	if err != nil {
		return err
	}
	tag := repo.Reference.Reference
	if tag == "" {
		tag = root.Digest.String()
	}
	if err := store.Tag(ctx, root, tag); err != nil {
		return err
	}
	return transfer(ctx, store, tag, repo, asked, 5)
}

// pack puts the files and a manifest of them into the store.
func pack(ctx context.Context, asked *options, repo *remote.Repository, store *file.Store) (ocispec.Descriptor, error) {
	packing := oras.PackManifestOptions{ManifestAnnotations: asked.annotations}
	for _, argument := range asked.rest[1:] {
		path, mediaType, _ := strings.Cut(argument, ":")
		layer, err := store.Add(ctx, path, mediaType, path)
		if err != nil {
			return layer, err
		}
		packing.Layers = append(packing.Layers, layer)
	}
	if asked.config != "" {
		path, mediaType, _ := strings.Cut(asked.config, ":")
		config, err := store.Add(ctx, path, mediaType, path)
		if err != nil {
			return config, err
		}
		config.Annotations = nil
		packing.ConfigDescriptor = &config
	}
	if asked.subject != "" {
		subject, err := repo.Resolve(ctx, asked.subject)
		if err != nil {
			return subject, err
		}
		packing.Subject = &subject
	}
	artifactType := asked.artifactType
	if artifactType == "" && asked.config == "" {
		artifactType = oras.MediaTypeUnknownArtifact
	}
	return oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, artifactType, packing)
}

func pull(ctx context.Context, asked *options) error {
	text, err := only(asked)
	if err != nil {
		return err
	}
	repo, err := repository(asked, text)
	if err != nil {
		return err
	}
	store, err := file.New(asked.output)
	if err != nil {
		return err
	}
	defer store.Close()
	return transfer(ctx, repo, repo.Reference.ReferenceOrDefault(), store, asked, 3)
}

func copyAll(ctx context.Context, asked *options) error {
	if len(asked.rest) != 2 {
		return errors.New("two references are wanted")
	}
	from, err := repository(asked, asked.rest[0])
	if err != nil {
		return err
	}
	to, err := repository(asked, asked.rest[1])
	if err != nil {
		return err
	}
	return transfer(ctx, from, from.Reference.ReferenceOrDefault(), to, asked, 3)
}

// transfer copies an artifact with all its parts and prints its digest.
func transfer(ctx context.Context, from oras.ReadOnlyTarget, name string, to oras.Target, asked *options, concurrency int) error {
	copying := oras.DefaultCopyOptions
	copying.Concurrency = concurrency
	if asked.concurrency > 0 {
		copying.Concurrency = asked.concurrency
	}
	target := name
	if repo, ok := to.(*remote.Repository); ok {
		target = repo.Reference.Reference
	}
	root, err := oras.Copy(ctx, from, name, to, target, copying)
	if err != nil {
		return err
	}
	fmt.Println(root.Digest)
	return nil
}

func referrers(ctx context.Context, asked *options) error {
	text, err := only(asked)
	if err != nil {
		return err
	}
	repo, err := repository(asked, text)
	if err != nil {
		return err
	}
	subject, err := repo.Resolve(ctx, repo.Reference.ReferenceOrDefault())
	if err != nil {
		return err
	}
	lines := json.NewEncoder(os.Stdout)
	return repo.Referrers(ctx, subject, asked.artifactType, func(found []ocispec.Descriptor) error {
		for _, one := range found {
			if err := lines.Encode(one); err != nil {
				return err
			}
		}
		return nil
	})
}

func tags(ctx context.Context, asked *options) error {
	text, err := only(asked)
	if err != nil {
		return err
	}
	repo, err := repository(asked, text)
	if err != nil {
		return err
	}
	found, err := registry.Tags(ctx, repo)
	for _, tag := range found {
		fmt.Println(tag)
	}
	return err
}

func serve(context.Context, *options) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = listener.Close()
	}()
	err = http.Serve(listener, memory.New(memory.WithReferrersSupport(true), memory.Logger(log.New(io.Discard, "", 0))))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func version(context.Context, *options) error {
	fmt.Println(source)
	return nil
}
