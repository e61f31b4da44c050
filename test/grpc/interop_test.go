package grpc

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// failing ends a test where the suite's functions would end the process.
type failing struct {
	grpclog.LoggerV2
	t *testing.T
}

func (f failing) Fatalf(format string, args ...any) {
	f.t.Errorf(format, args...)
	runtime.Goexit()
}

func (f failing) Fatal(args ...any) {
	f.t.Error(args...)
	runtime.Goexit()
}

func TestInterop(t *testing.T) {
	conn := startBalancer(t, fmt.Sprintf(manifests, startServer(t))).dial()
	client := testpb.NewTestServiceClient(conn)
	type call = func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)
	cases := map[string]call{
		"empty_unary": interop.DoEmptyUnaryCall, "large_unary": interop.DoLargeUnaryCall,
		"client_streaming": interop.DoClientStreaming, "server_streaming": interop.DoServerStreaming,
		"ping_pong": interop.DoPingPong, "empty_stream": interop.DoEmptyStream,
		"timeout_on_sleeping_server": interop.DoTimeoutOnSleepingServer,
		"cancel_after_begin":         interop.DoCancelAfterBegin, "cancel_after_first_response": interop.DoCancelAfterFirstResponse,
		"status_code_and_message": interop.DoStatusCodeAndMessage, "special_status_message": interop.DoSpecialStatusMessage,
		"custom_metadata": interop.DoCustomMetadata,
		"unimplemented_method": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedMethod(ctx, conn)
		},
		"unimplemented_service": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(conn))
		},
	}
	passed := 0
	for name, do := range cases {
		if t.Run(name, func(t *testing.T) {
			grpclog.SetLoggerV2(failing{grpclog.NewLoggerV2(os.Stderr, os.Stderr, os.Stderr), t})
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			do(ctx, client)
		}) {
			passed++
		}
	}
	fmt.Printf("grpc: %d of %d pass\n", passed, len(cases))
}
