/// Every limit of the server, with its unit in its name or its type. A test goes one past each.
package struct Limits: Sendable {
    // What a head may be.

    /// The path with its query; RFC 9112 §3 wants at least 8000. Beyond it 414.
    package var targetBytes = 8192
    /// All header lines together, and again all trailer lines. Beyond it 431.
    package var fieldBytes = 16_384
    package var fields = 100
    /// Empty lines before a request, which RFC 9112 §2.2 asks to forgive.
    package var emptyLines = 4

    // What a body may be.

    /// The content, however it is framed. Beyond it 413.
    package var bodyBytes = 8 << 30
    /// What may follow the size of one chunk, and of all chunks of a body.
    package var chunkExtensionBytes = 256
    package var chunkExtensionsBytes = 16_384
    /// Once a chunked body is longer than the first number, its chunks have to hold the second one on average.
    package var tinyChunksBytes = 1 << 20
    package var averageChunkBytes = 16

    // What is kept in memory for a connection.

    /// Content that came and was not asked for yet; beyond it the socket is not read.
    package var readAheadBytes = 256 << 10
    /// Bytes of the requests behind the one that is answered.
    package var pipelinedBytes = 16_384
    /// Bytes of a streamed answer that the client has not taken yet; beyond it the handler waits.
    package var writeAheadBytes = 128 << 10

    // How a connection ends, or goes on.

    /// What is read of a body that nobody wanted, so that the connection can be used again.
    package var drainBytes = 256 << 10
    /// What is read and thrown away after the last answer, so that the client gets to see it.
    package var lingerBytes = 256 << 20
    package var lingerTime = Duration.seconds(30)
    package var lingerSilence = Duration.seconds(5)

    // How slow a client may be.

    /// From the first byte of a head to its last. Beyond it 408.
    package var headTime = Duration.seconds(20)
    /// Between two requests.
    package var idleTime = Duration.seconds(75)
    /// How long nothing is written to a client that has ended its side. It may still read, or have left without a trace.
    package var halfClosedTime = Duration.seconds(120)
    /// How fast content has to come while the handler waits for it, and how fast a client has to take what is ready for it.
    package var rate = MinimumRate()

    // How many there may be.

    package var connections = 1024
    /// Of one address, so that nobody has all of them.
    package var connectionsPerAddress = 512
    /// Connections beyond the limit: they are told that there is no room, unless they ask whether the server lives.
    package var guests = 32
    /// How long such a connection may take for its head.
    package var guestTime = Duration.seconds(2)
    /// How long a connection must have been silent in the middle of a request, or before its first, to make room for another.
    package var silenceBeforeEviction = Duration.seconds(1)
    /// Descriptors that are kept free of connections, for files and processes.
    package var reservedDescriptors = 64

    // What a form may be.

    package var parts = 512
    package var partHeaderBytes = 8192
    package var partNameBytes = 1024
    /// What may stand before the first part.
    package var preambleBytes = 1024

    package init() {}
}
