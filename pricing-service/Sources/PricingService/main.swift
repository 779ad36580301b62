await PricingApp.definition.main()
