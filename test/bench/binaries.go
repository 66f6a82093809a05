package main

import (
	"compress/flate"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// measureBinaries starts each function as Lambda does for the first call of a new instance, with the
// variables that it has in the deployed stack, and looks at its size.
func measureBinaries(ctx context.Context, b *bench) error {
	s, err := b.onStack(ctx)
	if err != nil {
		return err
	}
	built, err := b.functions(ctx)
	if err != nil {
		return err
	}
	programs, err := filepath.Glob(filepath.Join(built, "*", "bootstrap"))
	if err != nil {
		return err
	}
	const repetitions = 10
	api := lambda.NewFromConfig(s.AWSConfig())
	var rows [][]string
	for _, program := range programs {
		dir := filepath.Dir(program)
		logicalID := filepath.Base(dir)
		name := s.Resources[logicalID]
		deployed, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
		if err != nil {
			return err
		}
		variables := lambdaVariables(name, s.GatewayURL)
		for name, value := range deployed.Environment.Variables {
			variables[name] = value
		}
		var starts series[time.Duration]
		var memory series[float64]
		for range repetitions {
			f, err := startFunction(ctx, dir, variables)
			if err != nil {
				return err
			}
			starts = append(starts, f.init)
			peak, err := f.peak()
			if err != nil {
				return err
			}
			memory = append(memory, peak)
			if err := f.stop(); err != nil {
				return err
			}
		}
		size, zipped, err := sizes(program)
		if err != nil {
			return err
		}
		rows = append(rows, []string{logicalID, megabytes(size), megabytes(zipped),
			milliseconds(starts.median()), starts.spread(milliseconds), mib(memory.median())})
	}
	b.say("From the start of the process until it asks for its first event, %d times each:\n", repetitions)
	b.table([]string{"Function", "Size", "Zipped", "Start, median", "Lowest – highest", "Memory then"}, rows)
	return nil
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.0f ms", 1000*d.Seconds()) }

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// sizes returns a file's size, and the size that it has in a zip archive.
func sizes(file string) (size, zipped int64, err error) {
	in, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	var out counter
	pack, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return 0, 0, err
	}
	if size, err = io.Copy(pack, in); err == nil {
		err = pack.Close()
	}
	return size, int64(out), err
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
