package template_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	x := load(t)
	got := map[string]string{}
	for _, name := range x.ofType("AWS::ApiGatewayV2::Route") {
		p := x.properties(name)
		got[p["RouteKey"].(string)] = text(p["Target"]) + " " + p["AuthorizationType"].(string)
		if p["AuthorizationType"] == "JWT" && (text(p["AuthorizerId"]) != "${JwtAuthorizer}" || len(list(p["AuthorizationScopes"])) == 0) {
			t.Errorf("%s: without scopes an id token would do as well", name)
		}
	}
	want := map[string]string{
		"$default":         "integrations/${PortalIntegration} NONE", // the portal checks its own session
		"ANY /v1/{proxy+}": "integrations/${ApiIntegration} JWT",
	}
	for route, to := range want {
		if got[route] != to {
			t.Errorf("%s goes to %q, want %q", route, got[route], to)
		}
		delete(got, route)
	}
	if len(got) > 0 {
		t.Errorf("further routes: %v", got)
	}
	if got := text(x.properties("PortalIntegration")["IntegrationUri"]); got != "${PortalFunction.Arn}" {
		t.Errorf("the portal's integration calls %s", got)
	}
	if got := text(x.properties("ApiIntegration")["IntegrationUri"]); got != "${ApiFunction.Arn}" {
		t.Errorf("the API's integration calls %s", got)
	}
	if x.properties("HttpApi")["CorsConfiguration"] != nil {
		t.Error("other sites may call the API from a browser")
	}
}

func TestOnlyTheGatewayCallsThroughThePermissions(t *testing.T) {
	x := load(t)
	for _, name := range x.ofType("AWS::Lambda::Permission") {
		p := x.properties(name)
		if arn := text(p["SourceArn"]); !strings.HasPrefix(arn, "arn:aws:execute-api:${HttpApi}/*/") || p["Principal"] != "apigateway.amazonaws.com" || p["SourceAccount"] == nil {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestTheStageIsLimitedAndLogsNoPatients(t *testing.T) {
	p := load(t).properties("HttpStage")
	rate, _ := get(p, "DefaultRouteSettings", "ThrottlingRateLimit").(int)
	burst, _ := get(p, "DefaultRouteSettings", "ThrottlingBurstLimit").(int)
	if rate < 1 || rate > 1000 || burst < 1 || burst > 2000 {
		t.Errorf("limits %d, %d", rate, burst)
	}
	format := get(p, "AccessLogSettings", "Format").(string)
	for _, never := range []string{"$context.path", "$context.domainName", "querystring", "$context.authorizer.claims"} {
		if strings.Contains(format, never) {
			t.Errorf("the access log has %s", never)
		}
	}
	if !strings.Contains(format, "$context.requestId") || get(p, "AccessLogSettings", "DestinationArn") == nil {
		t.Error("no access log")
	}
}

// Public clients: no secret, the code flow alone, and known addresses to return to.
func TestSignIn(t *testing.T) {
	x := load(t)
	for _, name := range []string{"PortalClient", "TerminalClient"} {
		p := x.properties(name)
		switch {
		case p["GenerateSecret"] != false, p["PreventUserExistenceErrors"] != "ENABLED", p["EnableTokenRevocation"] != true,
			!slices.Equal(list(p["AllowedOAuthFlows"]), []any{"code"}),
			!slices.Equal(list(p["ExplicitAuthFlows"]), []any{"ALLOW_REFRESH_TOKEN_AUTH"}),
			!slices.Equal(list(p["AllowedOAuthScopes"]), []any{"openid"}):
			t.Errorf("%s: %v", name, p)
		}
	}
	if got := list(x.properties("TerminalClient")["CallbackURLs"]); !slices.Equal(got, []any{"http://127.0.0.1:8765/callback"}) {
		t.Errorf("the command line returns to %v", got)
	}
	for name, paths := range map[string][]string{"CallbackURLs": {"/signed-in"}, "LogoutURLs": {"/signing-in", "/welcome", "/signed-out"}} {
		var got []string
		for _, address := range list(x.properties("PortalClient")[name]) {
			got = append(got, strings.TrimPrefix(fmt.Sprint(list(get(address, "Fn::Sub"))[0]), "${Url}"))
		}
		if !slices.Equal(got, paths) {
			t.Errorf("the portal's %s are %q, want %q", name, got, paths)
		}
	}
	if got := fmt.Sprint(get(x.properties("JwtAuthorizer"), "JwtConfiguration", "Audience")); got != fmt.Sprint([]any{map[string]any{"Ref": "TerminalClient"}}) {
		t.Errorf("/v1 takes tokens of %s", got)
	}
	pool := x.properties("UserPool")
	password := get(pool, "Policies", "PasswordPolicy")
	if length, _ := get(password, "MinimumLength").(int); length < 12 || get(pool, "AdminCreateUserConfig", "AllowAdminCreateUserOnly") != true {
		t.Errorf("the pool: %v", pool)
	}
	if get(x.parameters, "Mfa", "Default") != "ON" {
		t.Error("a second factor is not asked for unless somebody says so")
	}
}
