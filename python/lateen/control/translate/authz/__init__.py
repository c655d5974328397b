"""AuthorizationPolicy as filters of role based access control.

Source: Istio's reference of AuthorizationPolicy and its conditions; the messages that
pilot/pkg/security/authz makes of them.
"""
