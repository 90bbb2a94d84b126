/// The Content-Security-Policy of pages that are made of names from files: a browser may show them, and they do nothing.
///
/// - SeeAlso: w3.org/TR/CSP3
package enum PagePolicy {
    package static let page = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    /// As a header, which can say more than a page itself can.
    package static let header = page + "; frame-ancestors 'none'; sandbox"
}
