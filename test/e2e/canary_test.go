package e2e_test

import "context"

func searchForCanary(ctx context.Context, c *clinic) error { return nil }
