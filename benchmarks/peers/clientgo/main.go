// A shared informer of client-go over all pods, with everything client-go does by default (a watch-list since 1.35).
//
// It takes the turns of benchmarks/peers/measured.py: fill the cache, report one JSON line, hold still until stdin
// closes. When the server forces a second watch-list, it reports a second line. A resync hands each object that did
// not change to OnUpdate (the handler asks for no periodic resync, and still gets these), which is how its end is seen.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const look = time.Millisecond // client-go's own WaitForCacheSync looks every 100 ms

type figures struct {
	Seconds      float64  `json:"seconds"`
	FirstSeconds *float64 `json:"first_seconds"`
	CPUSeconds   float64  `json:"cpu_seconds"`
	Objects      int      `json:"objects"`
}

// moment is a time on both clocks: what has passed, and what this process has worked.
type moment struct {
	wall time.Time
	cpu  float64
}

func now() *moment {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	cpu := float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	return &moment{time.Now(), cpu}
}

func since(start *moment, objects int) figures {
	end := now()
	return figures{end.wall.Sub(start.wall).Seconds(), nil, end.cpu - start.cpu, objects}
}

func report(result figures) {
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

// requests notes when each watch-list was asked for.
type requests struct {
	next       http.RoundTripper
	watchLists atomic.Int32
	second     atomic.Pointer[moment]
}

func (r *requests) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Query().Get("sendInitialEvents") == "true" && r.watchLists.Add(1) == 2 {
		r.second.Store(now())
	}
	return r.next.RoundTrip(request)
}

func main() {
	protobuf := flag.Bool("protobuf", false, "ask for protobuf in place of JSON")
	flag.Parse()

	seen := &requests{}
	config := &rest.Config{
		Host:            os.Getenv("BENCH_SERVER"),
		BearerToken:     os.Getenv("BENCH_TOKEN"),
		TLSClientConfig: rest.TLSClientConfig{CAFile: os.Getenv("BENCH_CA_FILE")},
		ContentConfig:   rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			seen.next = next
			return seen
		},
	}
	if *protobuf {
		config.ContentType = "application/vnd.kubernetes.protobuf"
		config.AcceptContentTypes = "application/vnd.kubernetes.protobuf"
	}
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	pods := factory.Core().V1().Pods().Informer()

	var first atomic.Pointer[time.Time]
	var again atomic.Int64
	_, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) {
			if first.Load() == nil {
				at := time.Now()
				first.Store(&at)
			}
		},
		UpdateFunc: func(any, any) { again.Add(1) },
	})
	if err != nil {
		log.Fatal(err)
	}

	start := now()
	factory.Start(context.Background().Done())
	for !pods.HasSynced() {
		time.Sleep(look)
	}
	objects := len(pods.GetStore().ListKeys())
	result := since(start, objects)
	for objects > 0 && first.Load() == nil { // handlers run beside the cache, and may be later
		time.Sleep(look)
	}
	if at := first.Load(); at != nil {
		seconds := at.Sub(start.wall).Seconds()
		result.FirstSeconds = &seconds
	}
	if seen.watchLists.Load() != 1 {
		log.Fatalf("%d watch-lists were asked for, not one: this is another measurement", seen.watchLists.Load())
	}
	report(result)

	go func() {
		for seen.second.Load() == nil || again.Load() < int64(objects) {
			time.Sleep(look)
		}
		report(since(seen.second.Load(), len(pods.GetStore().ListKeys())))
	}()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		log.Fatal(err)
	}
}
