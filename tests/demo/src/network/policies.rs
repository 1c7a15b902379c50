//! The policies of the day, as `manifests/platform` has them.

/// A policy's name and its text.
pub(super) type Policy = (&'static str, &'static str);

macro_rules! policies {
    ($set:literal: $($name:literal)*) => {
        &[$((
            $name,
            include_str!(concat!("../../../../manifests/platform/policies/", $set, "/", $name, ".yaml")),
        )),*]
    };
}

/// What was applied on the day, and reported as working.
pub(super) const DAY_ONE: &[Policy] =
    policies!["day-one": "default-deny-ingress" "allow-frontend-ingress"];

/// The right ones: nothing but the shop's own calls.
pub(super) const SHOP: &[Policy] = policies!["shop":
    "default-deny"
    "dns"
    "external-to-frontend"
    "loadgenerator-to-frontend"
    "frontend-to-adservice"
    "frontend-to-cartservice"
    "frontend-to-checkoutservice"
    "frontend-to-currencyservice"
    "frontend-to-productcatalogservice"
    "frontend-to-recommendationservice"
    "frontend-to-shippingservice"
    "checkoutservice-to-cartservice"
    "checkoutservice-to-currencyservice"
    "checkoutservice-to-emailservice"
    "checkoutservice-to-paymentservice"
    "checkoutservice-to-productcatalogservice"
    "checkoutservice-to-shippingservice"
    "recommendationservice-to-productcatalogservice"
    "cartservice-to-redis-cart"
];

/// One of [`SHOP`]'s policies (of the two in its file, the one that lets in), with the Service's port in the place of the pod's, which is the one
/// that policies see.
pub(super) fn wrong_port() -> (&'static str, String) {
    let name = "checkoutservice-to-emailservice";
    let right = SHOP.iter().find(|(known, _)| *known == name);
    let (before, after) = right
        .and_then(|(_, text)| text.rsplit_once("port: 8080"))
        .unwrap_or_default();
    (name, format!("{before}port: 5000{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_port_is_the_ingress_policys_alone() {
        let (_, wrong) = wrong_port();
        let (egress, ingress) = wrong.split_once("---").unwrap();
        assert!(egress.contains("policyTypes: [Egress]") && egress.contains("port: 8080"));
        assert!(ingress.contains("policyTypes: [Ingress]") && ingress.contains("port: 5000"));
        assert!(!ingress.contains("8080"));
    }
}
