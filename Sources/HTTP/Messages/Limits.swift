/// All limits of the server, each with its unit in its name or type. A test passes each by one.
package struct Limits: Sendable {
    // Request heads.

    /// The maximum size of the target; RFC 9112 §3 recommends at least 8000. Beyond it: 414.
    package var targetBytes = 8192
    /// The maximum size of all header lines, and of all trailer lines. Beyond it: 431.
    package var fieldBytes = 16_384
    package var fields = 100
    /// The maximum number of empty lines before a request, which RFC 9112 §2.2 recommends to ignore.
    package var emptyLines = 4

    // Request bodies.

    /// The maximum size of the content, however it is framed. Beyond it: 413.
    package var bodyBytes = 8 << 30
    /// The maximum size of one chunk's extensions; `chunkExtensionsBytes` is the maximum for all chunks of a body.
    package var chunkExtensionBytes = 256
    package var chunkExtensionsBytes = 16_384
    /// The encoded size beyond which the chunks of a body must hold `averageChunkBytes` on average.
    package var tinyChunksBytes = 1 << 20
    package var averageChunkBytes = 16

    // Memory of a connection.

    /// The maximum amount of content that the handler has not read yet; beyond it the socket is not read.
    package var readAheadBytes = 256 << 10
    /// The maximum size of the requests that follow the one being answered.
    package var pipelinedBytes = 16_384
    /// The maximum size of streamed output that is not sent yet; beyond it the handler waits.
    package var writeAheadBytes = 128 << 10

    // Reuse and end of a connection.

    /// The maximum size of an unread body that is discarded so that the connection can be reused.
    package var drainBytes = 256 << 10
    /// The maximum input that is discarded after the last response, so that the client can read the response.
    package var lingerBytes = 256 << 20
    package var lingerTime = Duration.seconds(30)
    package var lingerSilence = Duration.seconds(5)

    // Slow clients.

    /// The maximum time from the first byte of a head to its last. Beyond it: 408.
    package var headTime = Duration.seconds(20)
    /// The maximum time between two requests.
    package var idleTime = Duration.seconds(75)
    /// The maximum time without output to a client that has ended its side: it may still read, or be gone.
    package var halfClosedTime = Duration.seconds(120)
    /// The minimum rate of content while the handler waits for it, and of output that is ready for the client.
    package var rate = MinimumRate()

    // Numbers of connections.

    package var connections = 1024
    /// The maximum number of connections from one address, so that one client cannot use all of them.
    package var connectionsPerAddress = 512
    /// The maximum number of connections beyond the limit, which get 503 except for health checks.
    package var guests = 32
    /// The maximum time for the head of a request on such a connection.
    package var guestTime = Duration.seconds(2)
    /// The silence within a request, or before the first one, after which a connection may be closed to make room.
    package var silenceBeforeEviction = Duration.seconds(1)
    /// The number of descriptors reserved for files and processes.
    package var reservedDescriptors = 64

    // Forms.

    package var parts = 512
    package var partHeaderBytes = 8192
    package var partNameBytes = 1024
    /// The maximum size of the text before the first part.
    package var preambleBytes = 1024

    package init() {}
}
