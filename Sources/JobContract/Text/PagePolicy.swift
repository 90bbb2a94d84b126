/// The Content-Security-Policy of pages that show names from files: a browser may render them, but they can do nothing.
///
/// - SeeAlso: w3.org/TR/CSP3
package enum PagePolicy {
    package static let page = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    /// The policy as a header, which allows directives that a page itself cannot set.
    package static let header = page + "; frame-ancestors 'none'; sandbox"
}
