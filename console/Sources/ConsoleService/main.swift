import ServiceKit

Console.keepOwnTelemetryOut()
await Console.definition.main()
