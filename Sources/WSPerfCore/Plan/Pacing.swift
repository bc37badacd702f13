/// What is known of a plan's schedule without running it.
enum Pacing {
    /// A message every so many seconds on average.
    case steady(mean: Double)
    case replay(ReplayOptions)
    /// A scheduler of the user's own, or options that cannot be read.
    case custom

    init(_ plan: Plan) {
        switch plan.schedule.kind {
        case "periodic":
            guard let options = try? PeriodicOptions(plan.schedule.options) else { break }
            self = .steady(mean: options.interval.inSeconds)
            return
        case "randomized":
            guard let options = try? RandomizedOptions(plan.schedule.options) else { break }
            self = .steady(mean: options.mean.inSeconds)
            return
        case "replay":
            guard let options = try? ReplayOptions(plan.schedule.options) else { break }
            self = .replay(options)
            return
        default: break
        }
        self = .custom
    }
}
