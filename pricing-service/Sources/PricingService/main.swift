import ServiceKit

await PricingApp.definition.main()
