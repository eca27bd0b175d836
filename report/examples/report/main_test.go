package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrite(t *testing.T) {
	output := filepath.Join(t.TempDir(), "report.html")
	for _, clinician := range []bool{false, true} {
		require.NoError(t, write(example, clinician, output))
		page, err := os.ReadFile(output)
		require.NoError(t, err)
		assert.Contains(t, string(page), "<!DOCTYPE html>")
		assert.Contains(t, string(page), "Creatinine")
	}
}

func TestWrite_Refuses(t *testing.T) {
	output := filepath.Join(t.TempDir(), "report.html")
	assert.ErrorContains(t, write([]byte("no JSON"), false, output), "helios: ")
	assert.ErrorContains(t, write([]byte(`{"runId": "r-1", "status": "working"}`), false, output), "helios: ")
	assert.ErrorContains(t, write([]byte(`{"runId": "r-1", "status": "error", "error": {"message": "x"}}`), false,
		output), "r-1")
	assert.Error(t, write(example, false, filepath.Join(output, "no", "directory")))
}
