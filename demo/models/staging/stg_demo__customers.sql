with

source as (

    select * from {{ ref('demo_customers') }}

),

customers as (

    select
        customer_id,
        cast(signed_up_on as date) as signed_up_on,
        country,
        plan,
        device,
        channel,
        billing,
        email_opt_in,
        has_push,
        sms_opt_in,
        cast(prior_spend as double precision) as prior_spend,
        visits
    from source

)

select * from customers
