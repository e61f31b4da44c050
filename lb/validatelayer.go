package lb

import "strings"

// Attributes that only one of the two layers has, by what their keys begin with.
var (
	layer7Attributes = []string{
		"idle_timeout.", "client_keep_alive.", "routing.http", "waf.", "connection_logs.", "health_check_logs.", // of load balancers and listeners
		"slow_start.", "load_balancing.algorithm.", "stickiness.lb_cookie.", "stickiness.app_cookie.", "lambda.", // of target groups
	}
	layer4Attributes = []string{
		"dns_record.", "secondary_ips.", "tcp.idle_timeout.",
		"proxy_protocol_v2.", "preserve_client_ip.", "target_health_state.", "deregistration_delay.connection_termination.",
	}
)

// ofLayer warns of attributes that belong to the other layer: AWS refuses them, and they do nothing.
func (v *validation) ofLayer(o Origin, attributes map[string]string, layer7 bool) {
	foreign, kind := layer7Attributes, "application"
	if layer7 {
		foreign, kind = layer4Attributes, "network"
	}
	for _, key := range sortedKeys(attributes) {
		for _, prefix := range foreign {
			if strings.HasPrefix(key, prefix) && attributes[key] != "false" {
				v.warn(o, "attributes["+key+"]", "%s load balancers have it, and it does nothing here", kind)
			}
		}
	}
}
