import JobContract

/// Lets a few in at a time, in the order in which they came, and turns away whom the line is too long for.
///
/// A place has a deadline: one that was not given back by then is free again, so that no trouble inside can use them up. An
/// actor, because those who wait share it.
actor AdmissionGate {
    /// Names one stay.
    typealias Place = Int

    private let places: Int
    private let line: Int
    private var taken: Set<Place> = []
    private var waiting: [(place: Place, continuation: CheckedContinuation<Bool, Never>)] = []
    private var last = 0

    /// - Parameters:
    ///   - places: for those who are in
    ///   - line: for those who wait
    init(places: Int, line: Int) {
        self.places = places
        self.line = line
    }

    /// How many wait.
    var length: Int { waiting.count }

    /// Returns when there is a place; whoever enters leaves again.
    ///
    /// - Parameters:
    ///   - patience: how long to wait for a place
    ///   - stay: how long the place may be kept
    /// - Returns: the place, to be given back
    /// - Throws: ``Problem`` when too many wait already, when it took too long, or when nobody waits for the answer any more.
    func enter(waiting patience: Duration, staying stay: Duration) async throws(Problem) -> Place {
        last += 1
        let place = last
        if taken.count < places {
            taken.insert(place)
        } else {
            guard waiting.count < line else { throw busy }
            let timer = Task { [weak self] in
                try await Task.sleep(for: patience)
                await self?.giveUp(place)
            }
            let isIn = await withTaskCancellationHandler {
                await withCheckedContinuation { waiting.append((place, $0)) }
            } onCancel: {
                Task { await self.giveUp(place) }
            }
            timer.cancel()
            guard isIn else { throw busy }
        }
        Task { [weak self] in
            try await Task.sleep(for: stay)
            await self?.leave(place)
        }
        return place
    }

    private var busy: Problem { Problem(.queueFull, "\(waiting.count) plans are waiting.", retryAfterSeconds: 5) }

    private func giveUp(_ place: Place) {
        guard let index = waiting.firstIndex(where: { $0.place == place }) else { return }
        waiting.remove(at: index).continuation.resume(returning: false)
    }

    /// Gives the place to the one who waits longest; a second time it does nothing.
    func leave(_ place: Place) {
        guard taken.remove(place) != nil, !waiting.isEmpty else { return }
        let next = waiting.removeFirst()
        taken.insert(next.place)
        next.continuation.resume(returning: true)
    }
}
