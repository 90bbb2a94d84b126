import JobContract

/// Admits a few callers at a time, in order of arrival, and rejects callers when the line is full.
///
/// A place has a deadline: one that was not returned by then is free again, so that no fault uses up all places. An
/// actor because waiting callers share it.
actor AdmissionGate {
    /// The identifier of one stay.
    typealias Place = Int

    private let places: Int
    private let line: Int
    /// The places that are held, and for each the task that takes it back at its deadline; nil for a moment while it begins.
    private var taken: [Place: Task<Void, any Error>?] = [:]
    private var waiting: [(place: Place, continuation: CheckedContinuation<Bool, Never>)] = []
    private var last = 0

    /// - Parameters:
    ///   - places: the number of callers inside
    ///   - line: the number of callers that may wait
    init(places: Int, line: Int) { (self.places, self.line) = (places, line) }

    /// The number of waiting callers.
    var length: Int { waiting.count }

    /// Waits for a place, which must be returned with ``leave(_:)``.
    ///
    /// - Parameters:
    ///   - patience: the longest wait for a place
    ///   - stay: the longest time for which the place is held
    /// - Returns: the place, to be returned
    /// - Throws: ``Problem`` when the line is full, the wait took too long, or the caller's task is cancelled.
    func enter(waiting patience: Duration, staying stay: Duration) async throws(Problem) -> Place {
        last += 1
        let place = last
        if taken.count < places {
            taken[place] = .some(nil)
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
        taken[place] = Task { [weak self] in
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

    /// Returns a place, which passes to the caller that waits longest; a second call does nothing.
    func leave(_ place: Place) {
        guard let deadline = taken.removeValue(forKey: place) else { return }
        deadline?.cancel()
        guard !waiting.isEmpty else { return }
        let next = waiting.removeFirst()
        taken[next.place] = .some(nil)
        next.continuation.resume(returning: true)
    }
}
