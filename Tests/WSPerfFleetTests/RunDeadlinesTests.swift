import Testing
import WSPerfCore

@testable import WSPerfFleet

/// Join 20 s, launch 15 s, limit 30 s, drain 4 s, collect 10 s; the run begins at 0.
@Suite struct RunDeadlinesTests {
    enum Event: Sendable {
        case launch
        case load
        case stop
        case collect
    }

    private func deadlines(_ events: [(Int, Event)]) -> RunDeadlines {
        let setup = RunSetup(
            id: "r", number: 1, machines: 1, processes: 1, instances: 1, join: .seconds(20), launch: .seconds(15),
            liveness: .seconds(5), limit: .seconds(30), drain: .seconds(4), collect: .seconds(10),
            plan: RecordedPlan(document: .mapping([PlanNode.Entry]())), parcel: SharedBytes([]), startedAt: 0)
        var deadlines = RunDeadlines(setup, now: at(0))
        for (second, event) in events {
            switch event {
            case .launch: deadlines.launchBegan(now: at(second))
            case .load: deadlines.loadBegan(now: at(second))
            case .stop: deadlines.stopBegan(now: at(second))
            case .collect: deadlines.collectionBegan(now: at(second))
            }
        }
        return deadlines
    }

    private func at(_ second: Int) -> FleetInstant { FleetInstant(nanoseconds: Int64(second) * 1_000_000_000) }

    @Test(
        arguments: [
            // events, time, join is over, setup is over
            ([], 19, false, false), ([], 20, true, true),
            ([(5, .launch)], 19, false, false), ([(5, .launch)], 20, true, true),
            ([(2, .launch)], 17, true, true), ([(12, .launch)], 21, true, false), ([(12, .launch)], 27, true, true),
        ] as [([(Int, Event)], Int, Bool, Bool)])
    func beforeTheLoad(events: [(Int, Event)], second: Int, joinIsOver: Bool, setupIsOver: Bool) {
        let deadlines = deadlines(events)
        #expect(deadlines.joinIsOver(now: at(second)) == joinIsOver)
        #expect(deadlines.setupIsOver(now: at(second)) == setupIsOver)
        #expect(deadlines.order(now: at(second)) == .wait)
        #expect(!deadlines.isOverdue(now: at(second)))
    }

    @Test(
        arguments: [
            // events, seconds at which the workers must stop, must abort, and the run is overdue
            ([(10, .load)], 40, 44, 54),
            ([(10, .load), (20, .stop)], 40, 24, 34),
            ([(10, .load), (39, .stop)], 40, 43, 53),
            // A second, later stop does not extend anything.
            ([(10, .load), (20, .stop), (23, .stop)], 40, 24, 34),
            ([(10, .load), (30, .collect)], 40, 44, 40),
            ([(10, .load), (20, .stop), (21, .collect)], 40, 24, 31),
            ([(10, .load), (20, .stop), (30, .collect)], 40, 24, 34),
        ] as [([(Int, Event)], Int, Int, Int)])
    func underLoad(events: [(Int, Event)], stop: Int, abort: Int, overdue: Int) {
        let deadlines = deadlines(events)
        for second in 10...60 {
            let expected: LoadOrder = second >= abort ? .abort : second >= stop ? .stop : .start
            #expect(deadlines.order(now: at(second)) == expected, "second \(second)")
            #expect(deadlines.isOverdue(now: at(second)) == (second >= overdue), "second \(second)")
        }
    }

    @Test(
        arguments: [
            // events, order, now, next
            ([], .wait, 0, 20), ([(12, .launch)], .wait, 12, 20), ([(12, .launch)], .wait, 20, 27),
            ([(10, .load)], .start, 10, 40), ([(10, .load)], .stop, 40, 44), ([(10, .load)], .abort, 44, 54),
            ([(10, .load), (20, .stop)], .stop, 20, 24),
        ] as [([(Int, Event)], LoadOrder, Int, Int)])
    func next(events: [(Int, Event)], order: LoadOrder, now: Int, next: Int) {
        #expect(deadlines(events).next(under: order, now: at(now)) == at(next))
    }
}
