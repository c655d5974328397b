// A control plane on go-control-plane, for tests: it serves a snapshot for the node that it is
// given, and says on stdout what clients answer.
//
//	controlplane NODE
//
// The first line of stdout is `port N`. Each line of stdin is a snapshot: a JSON object with a
// version and, by type URL, resources in JSON. Lines of stdout are then `set VERSION`,
// `ack TYPE VERSION`, `nack TYPE MESSAGE`, `open` and `closed`.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var printing sync.Mutex

func say(format string, arguments ...any) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf(format+"\n", arguments...)
}

func kind(typeURL string) string {
	return typeURL[strings.LastIndex(typeURL, ".")+1:]
}

// answered says what a request that has a nonce means.
func answered(typeURL, nonce, version, message string, refused bool) {
	switch {
	case refused:
		say("nack %s %s", kind(typeURL), strings.ReplaceAll(message, "\n", " "))
	case nonce != "":
		say("ack %s %s", kind(typeURL), version)
	}
}

func callbacks() server.Callbacks {
	return server.CallbackFuncs{
		StreamOpenFunc:        func(context.Context, int64, string) error { say("open"); return nil },
		DeltaStreamOpenFunc:   func(context.Context, int64, string) error { say("open"); return nil },
		StreamClosedFunc:      func(int64, *core.Node) { say("closed") },
		DeltaStreamClosedFunc: func(int64, *core.Node) { say("closed") },
		StreamRequestFunc: func(_ int64, r *discovery.DiscoveryRequest) error {
			answered(r.TypeUrl, r.ResponseNonce, r.VersionInfo, r.ErrorDetail.GetMessage(), r.ErrorDetail != nil)
			return nil
		},
		StreamDeltaRequestFunc: func(_ int64, r *discovery.DeltaDiscoveryRequest) error {
			answered(r.TypeUrl, r.ResponseNonce, "-", r.ErrorDetail.GetMessage(), r.ErrorDetail != nil)
			return nil
		},
	}
}

type snapshotLine struct {
	Version   string                       `json:"version"`
	Resources map[string][]json.RawMessage `json:"resources"`
}

func empty(typeURL string) (proto.Message, error) {
	switch typeURL {
	case resource.ClusterType:
		return &cluster.Cluster{}, nil
	case resource.EndpointType:
		return &endpoint.ClusterLoadAssignment{}, nil
	case resource.ListenerType:
		return &listener.Listener{}, nil
	case resource.RouteType:
		return &route.RouteConfiguration{}, nil
	}
	return nil, fmt.Errorf("no such type: %s", typeURL)
}

func parse(line []byte) (*cache.Snapshot, string, error) {
	var read snapshotLine
	if err := json.Unmarshal(line, &read); err != nil {
		return nil, "", err
	}
	byType := map[resource.Type][]types.Resource{}
	for typeURL, bodies := range read.Resources {
		for _, body := range bodies {
			message, err := empty(typeURL)
			if err != nil {
				return nil, "", err
			}
			if err := protojson.Unmarshal(body, message); err != nil {
				return nil, "", err
			}
			byType[typeURL] = append(byType[typeURL], message)
		}
	}
	snapshot, err := cache.NewSnapshot(read.Version, byType)
	return snapshot, read.Version, err
}

func run(node string) error {
	background := context.Background()
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	service := server.NewServer(background, snapshots, callbacks())
	grpcServer := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, service)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say("port %d", socket.Addr().(*net.TCPAddr).Port)
	go func() { _ = grpcServer.Serve(socket) }()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		snapshot, version, err := parse(lines.Bytes())
		if err != nil {
			return err
		}
		if err := snapshots.SetSnapshot(background, node, snapshot); err != nil {
			return err
		}
		say("set %s", version)
	}
	grpcServer.Stop()
	return lines.Err()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: controlplane NODE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}
