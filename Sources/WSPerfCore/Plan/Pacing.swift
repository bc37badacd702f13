/// What is known of a plan's schedule without running it.
enum Pacing {
    /// A message every so many seconds on average.
    case steady(mean: Double)
    case replay(ReplayOptions)
    /// A scheduler of the user's own, or options that cannot be read.
    case custom

    init(_ plan: Plan) { self.init(schedule: plan.schedule) }

    init(schedule: ComponentPlan) {
        switch schedule.kind {
        case "periodic":
            guard let options = try? PeriodicOptions(schedule.options) else { break }
            self = .steady(mean: options.interval.inSeconds)
            return
        case "randomized":
            guard let options = try? RandomizedOptions(schedule.options) else { break }
            self = .steady(mean: options.mean.inSeconds)
            return
        case "replay":
            guard let options = try? ReplayOptions(schedule.options) else { break }
            self = .replay(options)
            return
        default: break
        }
        self = .custom
    }

    /// Whether every message is due at once, as far as is known.
    var isWithoutPauses: Bool {
        switch self {
        case .steady(let mean): mean <= 0
        case .replay: false
        case .custom: true
        }
    }
}
