package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
)

// release is the version that the build script stamps.
var release string

// version returns the stamped version, that of the module that go install
// built, or else the version of helios-go.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return helios.Version
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  helios version\n  helios version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			return a.out.result(
				map[string]string{
					"version": version(), "sdk": helios.Version, "go": runtime.Version(), "platform": platform,
				},
				fmt.Sprintf("helios %s (%s, %s)", version(), runtime.Version(), platform))
		},
	}
}
